// What OpenSSL's own RS256 verify costs alone: nanoseconds of CPU a verify, the median of several runs.
//
// usage: rs256
#include "rs256.h"
#include <time.h>

enum { RUNS = 9, VERIFIES = 5000 };

static double cpu_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(void) {
    static struct rs256 rs256;
    rs256_make(&rs256);
    double runs[RUNS];
    for (int run = 0; run < RUNS; run++) {
        double before = cpu_nanoseconds();
        for (int index = 0; index < VERIFIES; index++) rs256_verify(&rs256);
        runs[run] = (cpu_nanoseconds() - before) / VERIFIES;
    }
    qsort(runs, RUNS, sizeof *runs, ascending);
    printf("%.0f\n", runs[RUNS / 2]);
    return 0;
}
