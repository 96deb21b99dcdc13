/**
 * A guest around groups of random functions: a kernel as the loader takes it, which runs every group, prints a checksum of the
 * memory that each worked on, and then what was recorded at the sites that have an operand worth knowing.
 */
import { assembleElf, symbolsOf } from "@pv/assembler";
import { MEMORY_WORDS, Renderer, type Group } from "./random-functions.js";

const PAGE_OFFSET = 0xc000_0000;
export const LAST_WORDS = "previrt-guest: done";
/** What a slot holds where no path led through its site. */
export const NOT_RECORDED = 0xa5a5_a5a5;

const LINKER_SCRIPT = `OUTPUT_FORMAT(elf32-i386)
ENTRY(entry)
entry = startup_32 - ${PAGE_OFFSET};
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(7); }
SECTIONS {
  . = ${PAGE_OFFSET} + 0x1000000;
  .text : AT(ADDR(.text) - ${PAGE_OFFSET}) { *(.text) } :text
  . = ALIGN(4096);
  .data : AT(ADDR(.data) - ${PAGE_OFFSET}) { *(.data) } :data
  . = ALIGN(4096);
  .bss : AT(ADDR(.bss) - ${PAGE_OFFSET}) { *(.bss) } :data
  /DISCARD/ : { *(.note*) *(.comment) }
}
`;

/** Physical addresses until paging is on; then low memory twice, interrupts masked at their controllers. */
const HEAD = `
.text
.globl startup_32
.type startup_32, @function
startup_32:
  cld
  mov $0x83, %eax
  mov $directory - ${PAGE_OFFSET}, %edi
  mov $16, %ecx
1: mov %eax, 768*4(%edi)
  stosl
  add $0x400000, %eax
  loop 1b
  mov %cr4, %eax
  or $0x10, %eax
  mov %eax, %cr4
  mov $directory - ${PAGE_OFFSET}, %eax
  mov %eax, %cr3
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ljmp $0x10, $2f
2: mov $stack_top, %esp
  mov $0xff, %al
  out %al, $0x21
  out %al, $0xa1
  call run_groups
3: cli
  hlt
  jmp 3b
.type __fentry__, @function
__fentry__:
  ret
.type print_character, @function
print_character:
  mov $0x3f8, %edx
  out %al, %dx
  ret
/* Eight digits of EDI, and a line end. */
.type print_word, @function
print_word:
  mov $8, %ecx
1: rol $4, %edi
  mov %edi, %eax
  and $15, %eax
  mov digits(%eax), %al
  call print_character
  loop 1b
  mov $10, %al
  call print_character
  ret
/* A checksum of ECX words at ESI, printed. */
.type print_checksum, @function
print_checksum:
  cld
  xor %edi, %edi
1: lodsl
  add %eax, %edi
  imul $0x01000193, %edi
  rol $5, %edi
  loop 1b
  call print_word
  ret
.type print_recorded, @function
print_recorded:
  cld
  mov $rec, %esi
1: cmp $rec_end, %esi
  je 2f
  lodsl
  mov %eax, %edi
  call print_word
  jmp 1b
2: ret
.data
digits: .ascii "0123456789abcdef"
pointer_head: .long run_groups
last_words: .asciz "${LAST_WORDS}\\n"
.balign 4
.bss
.balign 4096
directory: .fill 4096
.fill 16384
stack_top:
`;

export interface Guest {
  /** The kernel as an ELF file, with relocations behind it. */
  readonly kernel: Uint8Array;
  /** Address of each slot of recorded operands. */
  readonly slots: readonly number[];
  readonly symbols: ReadonlyMap<string, number>;
}

export function buildGuest(groups: readonly Group[]): Guest {
  const renderer = new Renderer();
  const text = groups.map((group, number) => renderer.render(group, number));
  const runs = groups.map(
    (_, number) =>
      `  call drive_${number}\n  mov $mem_${number}, %esi\n  mov $${MEMORY_WORDS}, %ecx\n  call print_checksum`,
  );
  const source = `${HEAD}
.text
${text.join("\n")}
.type run_groups, @function
run_groups:
${runs.join("\n")}
  call print_recorded
  cld
  mov $last_words, %esi
1: lodsb
  test %al, %al
  jz 2f
  call print_character
  jmp 1b
2: ret
.data
.balign 4
rec: .fill ${renderer.slots}, 4, 0x${NOT_RECORDED.toString(16)}
rec_end:
`;
  const elf = assembleElf(source, { bits: 32, linkerScript: LINKER_SCRIPT });
  const symbols = symbolsOf(elf);
  // What matters of relocations is where code's addresses are: in pointers.
  const places = [...symbols].flatMap(([name, address]) => (name.startsWith("pointer_") ? [address] : []));
  const words = Uint32Array.from([0, ...places.sort((a, b) => a - b)]);
  const kernel = new Uint8Array(elf.length + words.byteLength);
  kernel.set(elf);
  kernel.set(new Uint8Array(words.buffer), elf.length);
  const rec = symbols.get("rec")!;
  return { kernel, slots: Array.from({ length: renderer.slots }, (_, slot) => rec + 4 * slot), symbols };
}
