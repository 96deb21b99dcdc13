/*
 * Errors as values. A function that can fail returns a `struct error`; `TRY` hands it on to the caller. The codes are
 * those of the project's one table of diagnostics (4003 is PV4003).
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdint.h>

struct error {
  uint32_t code;    /* 0: no error */
  uint32_t where;   /* an address, an offset or a row number, whichever the text speaks of; 0: none */
  const char *text;
};

#define NO_ERROR ((struct error){0, 0, 0})
#define ERROR(code, text) ((struct error){(code), 0, (text)})
#define ERROR_AT(code, where, text) ((struct error){(code), (where), (text)})

#define TRY(call)                               \
  do {                                          \
    struct error error_ = (call);               \
    if (error_.code != 0) return error_;        \
  } while (0)

enum {
  PV_TRUNCATED = 1001,
  PV_NOT_A_KERNEL = 1003,
  PV_ARCHITECTURE = 1004,
  PV_MALFORMED_ELF = 1006,
  PV_NOT_ANNOTATED = 4001,
  PV_VERSION = 4002,
  PV_OTHER_KERNEL = 4003,
  PV_DAMAGED_TABLE = 4004,
  PV_NO_TEMPLATE = 4005,
  PV_ARENA_FULL = 4006,
  PV_NO_ROOM = 5003,
  PV_WRONG_USE = 9001,
};

#endif
