/* Training's layers that wait for memory, for ml/fused.py: batch norm with ReLU6 in one pass, and
 * the depthwise convolution of stride two, each forwards and back.
 *
 * Pixels lie in rows of `channels` values (channels last), in single precision or, with `half`,
 * in bfloat16, which is the upper half of a single. Sums are always made in wider numbers.
 */
#include <stdint.h>
#include <string.h>

#define BLOCK 128 /* rows added up in single precision before they go into a double */
#define WIDEST 2048
#define KERNEL 3
#define INLINE static inline __attribute__((always_inline))

/* `half` is a constant where these are called, so that each loop is compiled for one format. */
#define BOTH(half, call, ...) \
    do { \
        if (half) call(__VA_ARGS__, 1); \
        else call(__VA_ARGS__, 0); \
    } while (0)

INLINE float value(const void *from, long at, int half) {
    if (!half) return ((const float *)from)[at];
    uint32_t bits = (uint32_t)((const uint16_t *)from)[at] << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Rounded to the nearest, ties to the even one. */
INLINE void keep(void *to, long at, float number, int half) {
    if (!half) {
        ((float *)to)[at] = number;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    ((uint16_t *)to)[at] = (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* What ReLU6 lets through of a gradient. */
INLINE float passed(float slope, float level) {
    return (level > 0.0f) & (level < 6.0f) ? slope : 0.0f;
}

/* Adds a and a*b of these rows to x and y. With `scale`, a counts only where ReLU6 passes it. */
INLINE void add_rows(const void *a, const void *b, const float *scale, const float *shift,
                     long start, long stop, long channels, float *restrict x, float *restrict y,
                     int half) {
    for (long row = start; row < stop; row++) {
        long first = row * channels;
        if (scale) {
            for (long c = 0; c < channels; c++) {
                float q = value(b, first + c, half);
                float p = passed(value(a, first + c, half), q * scale[c] + shift[c]);
                x[c] += p;
                y[c] += p * q;
            }
        } else {
            for (long c = 0; c < channels; c++) {
                float p = value(a, first + c, half);
                x[c] += p;
                y[c] += p * value(b, first + c, half);
            }
        }
    }
}

static void sums(const void *a, const void *b, const float *scale, const float *shift,
                 long rows, long channels, double *first, double *second, int half) {
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
            BOTH(half, add_rows, a, b, scale, shift, start, stop, channels, x, y);
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

void moments(const void *in, int half, long rows, long channels, double *sum, double *squares) {
    sums(in, in, 0, 0, rows, channels, sum, squares, half);
}

INLINE void norm_row(const void *in, const float *scale, const float *shift, int bounded,
                     long row, long channels, void *restrict out, int half) {
    long first = row * channels;
    if (bounded) {
        for (long c = 0; c < channels; c++) {
            float level = value(in, first + c, half) * scale[c] + shift[c];
            level = level > 0.0f ? level : 0.0f;
            keep(out, first + c, level < 6.0f ? level : 6.0f, half);
        }
    } else {
        for (long c = 0; c < channels; c++)
            keep(out, first + c, value(in, first + c, half) * scale[c] + shift[c], half);
    }
}

void forwards(const void *in, const float *scale, const float *shift, int bounded, int half,
              long rows, long channels, void *out) {
#pragma omp parallel for schedule(static)
    for (long row = 0; row < rows; row++)
        BOTH(half, norm_row, in, scale, shift, bounded, row, channels, out);
}

void gradient_sums(const void *slope, const void *in, const float *scale, const float *shift,
                   int bounded, int half, long rows, long channels, double *sum,
                   double *products) {
    sums(slope, in, bounded ? scale : 0, shift, rows, channels, sum, products, half);
}

/* out = scale * slope + by_in * in + constant, where ReLU6 lets it through. */
INLINE void back_row(const void *slope, const void *in, const float *scale, const float *shift,
                     const float *by_in, const float *constant, int bounded, long row,
                     long channels, void *restrict out, int half) {
    long first = row * channels;
    for (long c = 0; c < channels; c++) {
        float q = value(in, first + c, half), p = value(slope, first + c, half);
        if (bounded) p = passed(p, q * scale[c] + shift[c]);
        keep(out, first + c, scale[c] * p + by_in[c] * q + constant[c], half);
    }
}

void backwards(const void *slope, const void *in, const float *scale, const float *shift,
               const float *by_in, const float *constant, int bounded, int half, long rows,
               long channels, void *out) {
#pragma omp parallel for schedule(static)
    for (long row = 0; row < rows; row++)
        BOTH(half, back_row, slope, in, scale, shift, by_in, constant, bounded, row, channels, out);
}

/* A picture is `side` by `side`, the result half of that, rounded up; `before` rows and columns
 * of nothing lie before the picture, the rest of the nothing after it. */
typedef struct {
    long side, small, channels, before;
} Size;

INLINE void strided_row(const void *in, const float *weight, Size size, long picture, long row,
                        void *restrict out, int half) {
    long side = size.side, channels = size.channels;
    for (long column = 0; column < size.small; column++) {
        float level[WIDEST];
        memset(level, 0, channels * sizeof(float));
        for (long i = 0; i < KERNEL; i++) {
            long y = 2 * row + i - size.before;
            if (y < 0 || y >= side) continue;
            for (long j = 0; j < KERNEL; j++) {
                long x = 2 * column + j - size.before;
                if (x < 0 || x >= side) continue;
                long first = ((picture * side + y) * side + x) * channels;
                const float *w = weight + (i * KERNEL + j) * channels;
                for (long c = 0; c < channels; c++)
                    level[c] += w[c] * value(in, first + c, half);
            }
        }
        long first = ((picture * size.small + row) * size.small + column) * channels;
        for (long c = 0; c < channels; c++) keep(out, first + c, level[c], half);
    }
}

/* Each channel filtered by itself; weight is (3, 3, channels). */
void strided(const void *in, const float *weight, int half, long pictures, long side,
             long channels, long before, void *out) {
    Size size = {side, (side + 1) / 2, channels, before};
#pragma omp parallel for schedule(static)
    for (long at = 0; at < pictures * size.small; at++)
        BOTH(half, strided_row, in, weight, size, at / size.small, at % size.small, out);
}

/* The gradient of one row of the picture. */
INLINE void strided_back_row(const void *slope, const float *weight, Size size, long picture,
                             long y, void *restrict out, int half) {
    long small = size.small, channels = size.channels;
    for (long x = 0; x < size.side; x++) {
        float level[WIDEST];
        memset(level, 0, channels * sizeof(float));
        for (long i = (y + size.before) % 2; i < KERNEL; i += 2) {
            long row = (y + size.before - i) / 2;
            if (row < 0 || row >= small) continue;
            for (long j = (x + size.before) % 2; j < KERNEL; j += 2) {
                long column = (x + size.before - j) / 2;
                if (column < 0 || column >= small) continue;
                long first = ((picture * small + row) * small + column) * channels;
                const float *w = weight + (i * KERNEL + j) * channels;
                for (long c = 0; c < channels; c++)
                    level[c] += w[c] * value(slope, first + c, half);
            }
        }
        long first = ((picture * size.side + y) * size.side + x) * channels;
        for (long c = 0; c < channels; c++) keep(out, first + c, level[c], half);
    }
}

/* Adds one result row's part of the weights' gradient. */
INLINE void strided_weight_row(const void *slope, const void *in, Size size, long picture,
                               long row, float *restrict sum, int half) {
    long side = size.side, channels = size.channels;
    for (long i = 0; i < KERNEL; i++) {
        long y = 2 * row + i - size.before;
        if (y < 0 || y >= side) continue;
        for (long column = 0; column < size.small; column++) {
            long at = ((picture * size.small + row) * size.small + column) * channels;
            for (long j = 0; j < KERNEL; j++) {
                long x = 2 * column + j - size.before;
                if (x < 0 || x >= side) continue;
                long first = ((picture * side + y) * side + x) * channels;
                float *to = sum + (i * KERNEL + j) * channels;
                for (long c = 0; c < channels; c++)
                    to[c] += value(slope, at + c, half) * value(in, first + c, half);
            }
        }
    }
}

/* `by_weight` is (3, 3, channels); every picture's share is added up in single precision. */
void strided_back(const void *slope, const void *in, const float *weight, int half,
                  long pictures, long side, long channels, long before, void *out,
                  double *by_weight) {
    Size size = {side, (side + 1) / 2, channels, before};
    long weights = KERNEL * KERNEL * channels;
    memset(by_weight, 0, weights * sizeof(double));
#pragma omp parallel for schedule(static)
    for (long picture = 0; picture < pictures; picture++) {
        float sum[KERNEL * KERNEL * WIDEST];
        memset(sum, 0, weights * sizeof(float));
        for (long y = 0; y < side; y++)
            BOTH(half, strided_back_row, slope, weight, size, picture, y, out);
        for (long row = 0; row < size.small; row++)
            BOTH(half, strided_weight_row, slope, in, size, picture, row, sum);
#pragma omp critical
        for (long at = 0; at < weights; at++) by_weight[at] += sum[at];
    }
}
