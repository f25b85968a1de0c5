#ifndef PARAMETERS_H_
#define PARAMETERS_H_

// hls-fpga-machine-learning insert layer-config
// conv1
struct config2_mult : nnet::dense_config {
    static const unsigned n_in = 3;
    static const unsigned n_out = 16;
    static const unsigned reuse_factor = 3;
    static const unsigned strategy = nnet::resource;
};

struct config2 : nnet::conv1d_config {
    static const unsigned pad_left = 0;
    static const unsigned in_width = 16;
    static const unsigned n_chan = 1;
    static const unsigned filt_width = 3;
    static const unsigned kernel_size = filt_width;
    static const unsigned n_filt = 16;
    static const unsigned out_width = 14;
    static const unsigned reuse_factor = 3;
    static const unsigned strategy = nnet::resource;
    typedef config2_mult mult_config;
};
const ap_uint<config2::filt_width> config2::pixels[] = {0};

// lstm
struct config3_1 : nnet::dense_config {
    static const unsigned n_in = 16;
    static const unsigned n_out = 80;
    static const unsigned strategy = nnet::resource;
    static const unsigned reuse_factor = 8;
};
struct config3_2 : nnet::dense_config {
    static const unsigned n_in = 20;
    static const unsigned n_out = 80;
    static const unsigned strategy = nnet::resource;
    static const unsigned reuse_factor = 10;
};
struct tanh_config3 : nnet::activ_config {
    static const unsigned n_in = 20;
    static const unsigned reuse_factor = 8;
};
struct sigmoid_config3_recr : nnet::activ_config {
    static const unsigned n_in = 60;
    static const unsigned reuse_factor = 8;
};
struct config3 : nnet::lstm_config {
    static const unsigned n_in = 16;
    static const unsigned n_out = 20;
    static const unsigned n_state = 20;
    static const unsigned n_sequence = 14;
    static const unsigned io_type = nnet::resource;
    static const unsigned reuse_factor = 8;
    static const bool store_weights_in_bram = false;
    static const bool use_static = true;
};

#endif
