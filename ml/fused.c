/* Batch norm and ReLU6 in one pass over memory, forwards and back, for ml/fused.py.
 *
 * Pixels lie in rows of `channels` values (channels last). On a processor these layers wait for
 * memory and not for arithmetic, so what counts is how often each value is read and written.
 */
#include <string.h>

#define BLOCK 128 /* rows added up in single precision before they go into a double */
#define WIDEST 2048

/* Sums of a and a*b over rows, per channel. With `scale`, a counts only where
 * 0 < b * scale + shift < 6, which is where ReLU6 lets a gradient through. */
static void sums(const float *a, const float *b, const float *scale, const float *shift,
                 long rows, long channels, double *first, double *second) {
    memset(first, 0, channels * sizeof(double));
    memset(second, 0, channels * sizeof(double));
#pragma omp parallel
    {
        double one[WIDEST], two[WIDEST];
        memset(one, 0, channels * sizeof(double));
        memset(two, 0, channels * sizeof(double));
#pragma omp for schedule(static)
        for (long start = 0; start < rows; start += BLOCK) {
            long stop = start + BLOCK < rows ? start + BLOCK : rows;
            float x[WIDEST], y[WIDEST];
            memset(x, 0, channels * sizeof(float));
            memset(y, 0, channels * sizeof(float));
            for (long row = start; row < stop; row++) {
                const float *p = a + row * channels, *q = b + row * channels;
                if (scale) {
                    for (long c = 0; c < channels; c++) {
                        float level = q[c] * scale[c] + shift[c];
                        float passed = (level > 0.0f) & (level < 6.0f) ? p[c] : 0.0f;
                        x[c] += passed;
                        y[c] += passed * q[c];
                    }
                } else {
                    for (long c = 0; c < channels; c++) {
                        x[c] += p[c];
                        y[c] += p[c] * q[c];
                    }
                }
            }
            for (long c = 0; c < channels; c++) {
                one[c] += x[c];
                two[c] += y[c];
            }
        }
#pragma omp critical
        for (long c = 0; c < channels; c++) {
            first[c] += one[c];
            second[c] += two[c];
        }
    }
}

void moments(const float *in, long rows, long channels, double *sum, double *squares) {
    sums(in, in, 0, 0, rows, channels, sum, squares);
}

void forwards(const float *in, const float *scale, const float *shift, int bounded,
              long rows, long channels, float *out) {
#pragma omp parallel for schedule(static)
    for (long row = 0; row < rows; row++) {
        const float *p = in + row * channels;
        float *q = out + row * channels;
        if (bounded) {
            for (long c = 0; c < channels; c++) {
                float level = p[c] * scale[c] + shift[c];
                level = level > 0.0f ? level : 0.0f;
                q[c] = level < 6.0f ? level : 6.0f;
            }
        } else {
            for (long c = 0; c < channels; c++) q[c] = p[c] * scale[c] + shift[c];
        }
    }
}

void gradient_sums(const float *slope, const float *in, const float *scale, const float *shift,
                   int bounded, long rows, long channels, double *sum, double *products) {
    sums(slope, in, bounded ? scale : 0, shift, rows, channels, sum, products);
}

/* out = scale * slope + by_in * in + constant, where ReLU6 lets it through. */
void backwards(const float *slope, const float *in, const float *scale, const float *shift,
               const float *by_in, const float *constant, int bounded,
               long rows, long channels, float *out) {
#pragma omp parallel for schedule(static)
    for (long row = 0; row < rows; row++) {
        const float *p = slope + row * channels, *q = in + row * channels;
        float *r = out + row * channels;
        if (bounded) {
            for (long c = 0; c < channels; c++) {
                float level = q[c] * scale[c] + shift[c];
                float passed = (level > 0.0f) & (level < 6.0f) ? p[c] : 0.0f;
                r[c] = scale[c] * passed + by_in[c] * q[c] + constant[c];
            }
        } else {
            for (long c = 0; c < channels; c++)
                r[c] = scale[c] * p[c] + by_in[c] * q[c] + constant[c];
        }
    }
}
