"""N-TORC (Singh et al., FPGA '25, FCCM '25) beside `dse`: its published tables as corpora, its forests and its recipe to compare with.

Offered to `dse` by entry points, as any package may: corpora `ntorc` and `ntorc_table4`, the search `ntorc`, the surrogate `ntorc`.
"""
