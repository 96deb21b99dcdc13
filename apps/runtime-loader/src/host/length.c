/*
 * The front end's measure of instructions as a program of the machine that builds it: standard input is pieces of code of 16 bytes;
 * for each, prints length, kind and form of the instruction that it starts with, or 0.
 */
#include <stdio.h>

#include "../frontend/length.h"

int main(void) {
  uint8_t bytes[16];
  while (fread(bytes, sizeof bytes, 1, stdin) == 1) {
    struct measured measured;
    if (instruction_measure(&measured, bytes, sizeof bytes)) printf("%u %u %u\n", measured.length, measured.kind, measured.form);
    else puts("0");
  }
  return 0;
}
