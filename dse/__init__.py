"""`dse`: design-space exploration for neural networks that hls4ml turns into FPGA designs."""

__version__ = "0.1.0"
