#ifndef DEFINES_H_
#define DEFINES_H_

#include "ap_fixed.h"
#include "nnet_utils/nnet_types.h"

// hls-fpga-machine-learning insert numbers
#define N_INPUT_1_1 16
#define N_LAYER_2 64

// hls-fpga-machine-learning insert layer-precision
typedef ap_fixed<16,6> input_t;
typedef ap_fixed<16,6> model_default_t;
typedef ap_fixed<8,2> weight2_t;
typedef ap_fixed<16,6> bias2_t;
typedef ap_ufixed<8,0,AP_RND_CONV,AP_SAT> layer3_t;
typedef nnet::array<ap_fixed<16,6>, 64*1> layer2_t;
typedef ap_fixed<16,6> weight4_t;
typedef ap_uint<1> layer4_index;

#endif
