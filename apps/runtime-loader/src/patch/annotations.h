/* The annotation table of a kernel: where its sites are and how each window can be moved. */
#ifndef ANNOTATIONS_H
#define ANNOTATIONS_H

#include "../kernel/elf.h"
#include "bytes.h"
#include "error.h"
#include "formats.h"

struct annotations {
  const struct annotation_header *header;
  const struct site_row *sites;
  const struct patch_row *patches;
  const struct item_row *items;
};

/* Checks the table by itself, so that every row can be followed blindly afterwards. PV4001, PV4002, PV4003 (for x86-64), PV4004. */
struct error annotations_open(struct annotations *annotations, struct span table);

/* Checks that the table speaks of this very kernel: checksum, windows, first bytes. PV4003. */
struct error annotations_verify(const struct annotations *annotations, const struct kernel *kernel);

#endif
