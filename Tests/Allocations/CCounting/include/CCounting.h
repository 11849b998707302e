// Counts the allocations of this process (Linux with glibc): malloc and its kin are replaced by ones that count.
#pragma once
#include <stdint.h>

/// How often memory was asked for since the start, by any thread; 0 where it can't be counted.
uint64_t allocations_so_far(void);
/// Whether they are counted.
int allocations_are_counted(void);
