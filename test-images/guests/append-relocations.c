/*
 * Does for a test kernel what arch/x86/tools/relocs.c does for Linux: puts the addresses of all words that hold an
 * absolute address behind the ELF file, ascending, with a zero in front.
 *
 *   append-relocations LINKED STRIPPED
 *
 * LINKED is the output of a link with --emit-relocs, STRIPPED the file to append to. Trusts its input.
 */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "append-relocations: %s\n", what);
  exit(1);
}

int main(int count, char **arguments) {
  if (count != 3) fail("usage: append-relocations LINKED STRIPPED");
  FILE *linked = fopen(arguments[1], "rb"), *stripped = fopen(arguments[2], "ab");
  if (linked == NULL || stripped == NULL) fail("cannot open a file");
  fseek(linked, 0, SEEK_END);
  long size = ftell(linked);
  rewind(linked);
  uint8_t *bytes = malloc((size_t)size);
  if (bytes == NULL || fread(bytes, 1, (size_t)size, linked) != (size_t)size) fail("cannot read the linked file");

  const Elf32_Ehdr *header = (const Elf32_Ehdr *)bytes;
  const Elf32_Shdr *sections = (const Elf32_Shdr *)(bytes + header->e_shoff);
  uint32_t *words = malloc((size_t)size), found = 1;
  words[0] = 0;
  for (int i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_REL || !(sections[sections[i].sh_info].sh_flags & SHF_ALLOC)) continue;
    const Elf32_Rel *rows = (const Elf32_Rel *)(bytes + sections[i].sh_offset);
    for (uint32_t row = 0; row < sections[i].sh_size / sizeof *rows; row++) {
      uint32_t type = ELF32_R_TYPE(rows[row].r_info);
      if (type == R_386_32) words[found++] = rows[row].r_offset;
      else if (type != R_386_PC32 && type != R_386_PLT32) fail("a relocation that a kernel does not have");
    }
  }
  qsort(words + 1, found - 1, sizeof *words, ascending);
  if (fwrite(words, sizeof *words, found, stripped) != found || fclose(stripped) != 0) fail("cannot write");
  return 0;
}
