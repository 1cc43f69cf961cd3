// The parts of a DASS block that matrix products do not cover, forward and backward, channels last.
// Scan and convolution are parallel over the batch; nothing is shared between samples but the weights.
#include <math.h>
#include <stddef.h>
#include <string.h>

#define MAX_D 1024

// Token t of route k in an H x W grid: 0 frequency-major, 1 time-major, 2 and 3 the same reversed.
static inline long token(int k, long t, long H, long W) {
    if (k >= 2) t = H * W - 1 - t;
    return (k & 1) ? (t % H) * W + t / H : t;
}

// u [B,H,W,D], x [B,H,W,4,R+2] (dt_r, B, C per route), w [4,R,D], bias, A, Ds [4,D].
// rows [B,H,D]: state with which each row of route 0 starts, or null (rows chain from zero); col [B,D]: start of route 1, or null.
// y [B,H,W,D]; dt, h [B,4,H*W,D]: kept for the backward pass, in route order.
void scan_forward(const float *u, const float *x, const float *w, const float *bias, const float *A, const float *Ds, const float *rows,
                  const float *col, float *y, float *dt, float *h, long B, long H, long W, long D, long R) {
    const long L = H * W, S = R + 2;
#pragma omp parallel for
    for (long b = 0; b < B; b++) {
        memset(y + b * L * D, 0, L * D * sizeof(float));
        for (int k = 0; k < 4; k++) {
            float prev[MAX_D], z[MAX_D];
            memset(prev, 0, sizeof prev);
            if (k == 1 && col) memcpy(prev, col + b * D, D * sizeof(float));
            const float *wk = w + k * R * D, *bk = bias + k * D, *Ak = A + k * D, *Dk = Ds + k * D;
            for (long t = 0; t < L; t++) {
                const long i = token(k, t, H, W);
                if (k == 0 && rows && t % W == 0) memcpy(prev, rows + (b * H + t / W) * D, D * sizeof(float));
                const float *xt = x + ((b * L + i) * 4 + k) * S, *ut = u + (b * L + i) * D;
                float *yt = y + (b * L + i) * D, *dtt = dt + ((b * 4 + k) * L + t) * D, *ht = h + ((b * 4 + k) * L + t) * D;
                const float xb = xt[R], xc = xt[R + 1];
                memcpy(z, bk, D * sizeof(float));
                for (long r = 0; r < R; r++) {
                    const float v = xt[r], *wr = wk + r * D;
#pragma omp simd
                    for (long d = 0; d < D; d++) z[d] += v * wr[d];
                }
#pragma omp simd
                for (long d = 0; d < D; d++) {
                    const float s = fmaxf(z[d], 0.f) + logf(1.f + expf(-fabsf(z[d])));
                    const float n = expf(s * Ak[d]) * prev[d] + s * xb * ut[d];
                    dtt[d] = s;
                    ht[d] = n;
                    prev[d] = n;
                    yt[d] += xc * n + Dk[d] * ut[d];
                }
            }
        }
    }
}

// Gradients of all inputs but the starting states, which count as given. Those of weights are per sample: dw [B,4,R,D], dbias, dA, dDs [B,4,D].
void scan_backward(const float *u, const float *x, const float *w, const float *A, const float *Ds, const float *rows, const float *col,
                   const float *dt, const float *h, const float *gy, float *du, float *dx, float *dw, float *dbias, float *dA, float *dDs,
                   long B, long H, long W, long D, long R) {
    const long L = H * W, S = R + 2;
#pragma omp parallel for
    for (long b = 0; b < B; b++) {
        memset(du + b * L * D, 0, L * D * sizeof(float));
        memset(dw + b * 4 * R * D, 0, 4 * R * D * sizeof(float));
        memset(dbias + b * 4 * D, 0, 4 * D * sizeof(float));
        memset(dA + b * 4 * D, 0, 4 * D * sizeof(float));
        memset(dDs + b * 4 * D, 0, 4 * D * sizeof(float));
        for (int k = 0; k < 4; k++) {
            float gh[MAX_D], dz[MAX_D], zero[MAX_D];
            memset(gh, 0, sizeof gh);
            memset(zero, 0, sizeof zero);
            const float *wk = w + k * R * D, *Ak = A + k * D, *Dk = Ds + k * D;
            float *dwk = dw + (b * 4 + k) * R * D, *dbk = dbias + (b * 4 + k) * D, *dAk = dA + (b * 4 + k) * D, *dDk = dDs + (b * 4 + k) * D;
            for (long t = L - 1; t >= 0; t--) {
                const long i = token(k, t, H, W);
                const int cut = k == 0 && rows && t % W == 0; // the row began from a given state: no gradient flows into the row before
                const float *prev = t > 0 ? h + ((b * 4 + k) * L + t - 1) * D : k == 1 && col ? col + b * D : zero;
                if (cut) prev = rows + (b * H + t / W) * D;
                const float *xt = x + ((b * L + i) * 4 + k) * S, *ut = u + (b * L + i) * D, *gt = gy + (b * L + i) * D;
                const float *dtt = dt + ((b * 4 + k) * L + t) * D, *ht = h + ((b * 4 + k) * L + t) * D;
                float *dut = du + (b * L + i) * D, *dxt = dx + ((b * L + i) * 4 + k) * S;
                const float xb = xt[R], xc = xt[R + 1];
                float db = 0.f, dc = 0.f;
#pragma omp simd reduction(+ : db, dc)
                for (long d = 0; d < D; d++) {
                    const float s = dtt[d], a = expf(s * Ak[d]), g = gh[d] + xc * gt[d], da = g * prev[d] * a, q = g * ut[d];
                    dc += gt[d] * ht[d];
                    db += q * s;
                    dDk[d] += gt[d] * ut[d];
                    dut[d] += gt[d] * Dk[d] + g * s * xb;
                    dAk[d] += da * s;
                    dz[d] = (da * Ak[d] + q * xb) * (1.f - expf(-s)); // sigmoid(z) = 1 - exp(-softplus(z))
                    dbk[d] += dz[d];
                    gh[d] = g * a;
                }
                for (long r = 0; r < R; r++) {
                    const float v = xt[r], *wr = wk + r * D;
                    float *dwr = dwk + r * D, sum = 0.f;
#pragma omp simd reduction(+ : sum)
                    for (long d = 0; d < D; d++) {
                        sum += dz[d] * wr[d];
                        dwr[d] += dz[d] * v;
                    }
                    dxt[r] = sum;
                }
                dxt[R] = db;
                dxt[R + 1] = dc;
                if (cut) memset(gh, 0, sizeof gh);
            }
        }
    }
}

// u = SiLU(depthwise 3x3 of x), pad 1. x, c, u [B,H,W,D]; w [9,D]; left [B,H,D]: the column before the first, or null for zeros.
void conv_forward(const float *x, const float *w, const float *left, float *c, float *u, long B, long H, long W, long D) {
#pragma omp parallel for
    for (long b = 0; b < B; b++)
        for (long i = 0; i < H; i++)
            for (long j = 0; j < W; j++) {
                float *ct = c + ((b * H + i) * W + j) * D, *ut = u + ((b * H + i) * W + j) * D;
                memset(ct, 0, D * sizeof(float));
                for (int p = -1; p <= 1; p++)
                    for (int q = -1; q <= 1; q++) {
                        if (i + p < 0 || i + p >= H || j + q >= W || (j + q < 0 && !left)) continue;
                        const float *xt = j + q < 0 ? left + (b * H + i + p) * D : x + ((b * H + i + p) * W + j + q) * D;
                        const float *wt = w + (3 * (p + 1) + q + 1) * D;
#pragma omp simd
                        for (long d = 0; d < D; d++) ct[d] += wt[d] * xt[d];
                    }
#pragma omp simd
                for (long d = 0; d < D; d++) ut[d] = ct[d] / (1.f + expf(-ct[d]));
            }
}

// dw is per sample [B,9,D]; the left column counts as given.
void conv_backward(const float *x, const float *w, const float *left, const float *c, const float *gu, float *dx, float *dw, long B, long H,
                   long W, long D) {
#pragma omp parallel for
    for (long b = 0; b < B; b++) {
        float g[MAX_D];
        memset(dx + b * H * W * D, 0, H * W * D * sizeof(float));
        memset(dw + b * 9 * D, 0, 9 * D * sizeof(float));
        for (long i = 0; i < H; i++)
            for (long j = 0; j < W; j++) {
                const float *ct = c + ((b * H + i) * W + j) * D, *gt = gu + ((b * H + i) * W + j) * D;
#pragma omp simd
                for (long d = 0; d < D; d++) {
                    const float s = 1.f / (1.f + expf(-ct[d]));
                    g[d] = gt[d] * s * (1.f + ct[d] * (1.f - s));
                }
                for (int p = -1; p <= 1; p++)
                    for (int q = -1; q <= 1; q++) {
                        if (i + p < 0 || i + p >= H || j + q >= W || (j + q < 0 && !left)) continue;
                        const int given = j + q < 0;
                        const long at = ((b * H + i + p) * W + j + q) * D;
                        const float *xt = given ? left + (b * H + i + p) * D : x + at, *wt = w + (3 * (p + 1) + q + 1) * D;
                        float *dxt = dx + at, *dwt = dw + (b * 9 + 3 * (p + 1) + q + 1) * D;
                        if (given) {
#pragma omp simd
                            for (long d = 0; d < D; d++) dwt[d] += g[d] * xt[d];
                        } else {
#pragma omp simd
                            for (long d = 0; d < D; d++) {
                                dwt[d] += g[d] * xt[d];
                                dxt[d] += g[d] * wt[d];
                            }
                        }
                    }
            }
    }
}

// GELU of n values, x phi(x), and its slope. phi within 8e-8 (Abramowitz and Stegun 7.1.26): its exponential is the slope's as well.
void gelu(const float *x, float *y, float *slope, long n) {
#pragma omp simd
    for (long i = 0; i < n; i++) {
        const float a = 0.70710678f * fabsf(x[i]), t = 1.f / (1.f + 0.3275911f * a), e = expf(-a * a);
        const float tail = 0.5f * e * t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
        const float phi = x[i] < 0 ? tail : 1.f - tail;
        y[i] = x[i] * phi;
        slope[i] = phi + 0.39894228f * x[i] * e;
    }
}
