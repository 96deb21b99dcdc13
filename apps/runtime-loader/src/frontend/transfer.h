/* Transfers of control that ring 3 cannot do by itself. All: false if `exception_raise` was called; nothing is changed then. */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>

#include "decode.h"

bool transfer_iret(const struct instruction *instruction);
bool transfer_sysenter(void);
bool transfer_sysexit(void);
/* RETF, JMP and CALL to another segment. */
bool transfer_far(const struct instruction *instruction);

#endif
