/* The stub templates of one hypervisor profile: which code stands for a site. */
#ifndef TEMPLATES_H
#define TEMPLATES_H

#include "bytes.h"
#include "error.h"
#include "formats.h"

struct templates {
  const struct template_header *header;
  const struct group_row *groups;
  const struct template_row *rows;
  const struct hole_row *holes;
  const uint8_t *code;
};

/* Which parts of the machine's state nobody reads behind a site. */
struct dead_state {
  uint8_t registers[8];   /* 1 L, 2 H, 4 U for each register; ESP is never dead */
  uint32_t flags;         /* in EFLAGS positions */
};

/* Checks the whole table against what the resident area offers. PV1001, PV1004, PV4002, PV4005. */
struct error templates_open(struct templates *templates, struct span table, uint32_t routine_count, uint32_t counter_count);

/* The template for a site, or null if the profile has none for its kind and form. */
const struct template_row *templates_select(const struct templates *templates, const struct site_row *site);

struct dead_state dead_behind(const struct site_row *site);

#endif
