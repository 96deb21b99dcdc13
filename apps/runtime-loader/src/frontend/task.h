/* Hardware tasks, as far as kernels use them: a task gate in the IDT, for double faults on a stack that is no good. */
#ifndef TASK_H
#define TASK_H

#include <stdbool.h>
#include <stdint.h>

/* Enters the task whose TSS `selector` names, nested in the current one; false: `exception_raise` was called. */
bool task_switch(uint32_t selector, bool push_error, uint32_t error);

#endif
