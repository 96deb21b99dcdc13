/* Intel 8259A. The slave's request is not kept in the master's IRR but looked up: the master cannot miss it. */
#include "devices.h"

enum { INPUTS = 8, SPURIOUS = 7 };
enum { ICW1 = 0x10, ICW1_WORD4 = 1, ICW1_SINGLE = 2 };
enum { ICW4_AUTOMATIC_END = 2, ICW4_SPECIAL_NESTING = 0x10 };
enum { OCW3 = 8, OCW3_READ = 2, OCW3_SERVICE = 1, OCW3_POLL = 4, OCW3_SET_SPECIAL = 0x40, OCW3_SPECIAL = 0x20 };
/* OCW2: rotate, specific, end of interrupt in bits 7 to 5. */
enum { OCW2_ROTATE = 4, OCW2_SPECIFIC = 2, OCW2_END = 1 };
enum { POLL_REQUEST = 0x80 };

/* The vectors of a PC's BIOS. */
enum { MASTER_VECTOR = 0x08, SLAVE_VECTOR = 0x70 };

/* The input with the highest priority of `inputs`, which are not empty. */
static int highest(const struct pic_chip *chip, uint8_t inputs) {
  int input = chip->lowest;
  do input = (input + 1) % INPUTS;
  while (!(inputs >> input & 1));
  return input;
}

/* The input that interrupts, given the requests; -1: none. */
static int interrupting(const struct pic_chip *chip, uint8_t requests) {
  requests &= (uint8_t)~chip->mask;
  if (requests == 0 || chip->next_word != 0) return -1;
  uint8_t service = chip->special_mask ? chip->service & (uint8_t)~chip->mask : chip->service;
  int input = highest(chip, requests);
  if (service == 0) return input;
  /* What is served keeps out its own and lower priorities; with special nesting, a slave may interrupt itself. */
  int served = highest(chip, service | (uint8_t)(1u << input));
  if (served != input) return -1;
  if (!(service >> input & 1)) return input;
  return chip->special_nesting && input == PIC_CASCADE ? input : -1;
}

static uint8_t requests_of(const struct pic *pic, int index) {
  const struct pic_chip *chip = &pic->chips[index], *slave = &pic->chips[PIC_SLAVE];
  if (index == PIC_SLAVE || interrupting(slave, slave->request) < 0) return chip->request;
  return chip->request | 1u << PIC_CASCADE;
}

static void acknowledge(struct pic_chip *chip, int input) {
  uint8_t bit = (uint8_t)(1u << input);
  chip->request &= (uint8_t)~bit;
  if (!chip->automatic_end) chip->service |= bit;
  else if (chip->rotates) chip->lowest = (uint8_t)input;
}

int devices_pending(const struct devices *devices) {
  return interrupting(&devices->pic.chips[PIC_MASTER], requests_of(&devices->pic, PIC_MASTER)) >= 0;
}

int devices_acknowledge(struct devices *devices) {
  struct pic_chip *chip = &devices->pic.chips[PIC_MASTER];
  int input = interrupting(chip, requests_of(&devices->pic, PIC_MASTER));
  if (input < 0) return chip->vector | SPURIOUS;
  acknowledge(chip, input);
  if (input != PIC_CASCADE) return chip->vector | input;
  chip = &devices->pic.chips[PIC_SLAVE];
  input = interrupting(chip, chip->request);
  if (input < 0) return chip->vector | SPURIOUS;
  acknowledge(chip, input);
  return chip->vector | input;
}

void pic_line(struct devices *devices, unsigned line, bool level) {
  struct pic_chip *chip = &devices->pic.chips[line / INPUTS];
  uint8_t bit = (uint8_t)(1u << line % INPUTS);
  if (!level) {
    chip->lines &= (uint8_t)~bit;
    chip->request &= (uint8_t)~bit;
  } else if (!(chip->lines & bit)) {
    chip->lines |= bit;
    chip->request |= bit;
  }
}

void pic_latch(struct devices *devices, unsigned line) {
  devices->pic.chips[line / INPUTS].request |= (uint8_t)(1u << line % INPUTS);
}

bool pic_listens(const struct devices *devices, unsigned line) {
  const struct pic_chip *chip = &devices->pic.chips[line / INPUTS], *master = &devices->pic.chips[PIC_MASTER];
  if (((chip->mask | chip->request) >> line % INPUTS & 1) != 0) return false;
  return line < INPUTS || !(master->mask >> PIC_CASCADE & 1);
}

static void command(struct pic_chip *chip, uint8_t value) {
  unsigned order = value >> 5;
  int input = value & 7;
  if (!(order & OCW2_END)) {
    if ((order & OCW2_SPECIFIC) == 0) chip->rotates = (order & OCW2_ROTATE) != 0;
    else if (order & OCW2_ROTATE) chip->lowest = (uint8_t)input;
    return;
  }
  if (!(order & OCW2_SPECIFIC)) {
    uint8_t served = chip->special_mask ? chip->service & (uint8_t)~chip->mask : chip->service;
    if (served == 0) return;
    input = highest(chip, served);
  }
  chip->service &= (uint8_t)~(1u << input);
  if (order & OCW2_ROTATE) chip->lowest = (uint8_t)input;
}

static void initialise(struct pic_chip *chip, uint8_t value) {
  *chip = (struct pic_chip){
    .lines = chip->lines,
    .vector = chip->vector,
    .lowest = INPUTS - 1,
    .next_word = 2,
    .wants_word4 = value & ICW1_WORD4,
    .single = (value & ICW1_SINGLE) != 0,
  };
}

static void initialise_further(struct pic_chip *chip, uint8_t value) {
  unsigned last = chip->wants_word4 ? 4 : 0;
  switch (chip->next_word) {
  case 2:
    chip->vector = value & 0xf8;
    chip->next_word = (uint8_t)(chip->single ? last : 3);
    break;
  case 3:
    chip->next_word = (uint8_t)last;
    break;
  default:
    chip->automatic_end = (value & ICW4_AUTOMATIC_END) != 0;
    chip->special_nesting = (value & ICW4_SPECIAL_NESTING) != 0;
    chip->next_word = 0;
  }
}

static int chip_at(uint16_t port) {
  return port < 0x80 ? PIC_MASTER : PIC_SLAVE;
}

uint8_t pic_in(struct devices *devices, uint16_t port) {
  struct pic_chip *chip = &devices->pic.chips[chip_at(port)];
  uint8_t requests = requests_of(&devices->pic, chip_at(port));
  if (chip->polled) {
    chip->polled = false;
    int input = interrupting(chip, requests);
    if (input < 0) return 0;
    acknowledge(chip, input);
    return (uint8_t)(POLL_REQUEST | input);
  }
  if (port & 1) return chip->mask;
  return chip->reads_service ? chip->service : requests;
}

void pic_out(struct devices *devices, uint16_t port, uint8_t value) {
  struct pic_chip *chip = &devices->pic.chips[chip_at(port)];
  if (port & 1) {
    if (chip->next_word == 0) chip->mask = value;
    else initialise_further(chip, value);
  } else if (value & ICW1) {
    initialise(chip, value);
  } else if (value & OCW3) {
    if (value & OCW3_SET_SPECIAL) chip->special_mask = (value & OCW3_SPECIAL) != 0;
    chip->polled = (value & OCW3_POLL) != 0;
    if (value & OCW3_READ) chip->reads_service = (value & OCW3_SERVICE) != 0;
  } else {
    command(chip, value);
  }
}

void pic_init(struct devices *devices) {
  for (int index = 0; index < 2; index++)
    devices->pic.chips[index] = (struct pic_chip){
      .mask = 0xff,
      .vector = index == PIC_MASTER ? MASTER_VECTOR : SLAVE_VECTOR,
      .lowest = INPUTS - 1,
    };
}
