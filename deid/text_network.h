#ifndef LETHE_DEID_TEXT_NETWORK_H
#define LETHE_DEID_TEXT_NETWORK_H
enum { NET_A = 8, NET_B = 16, NET_C = 24, NET_D = 32 };
static const float net_wa[9*8], net_ba[8], net_wb[9*8*16], net_bb[16], net_wc[9*16*24], net_bc[24], net_wd[384*32], net_bd[32], net_wout[32];
static const float net_bias_out = 0;
static const float net_combine[3] = {0, 1, 0};
#endif
