/** The part of the untyped package elfy 1.0.0 that `elf.ts` uses. */
declare module "elfy" {
  interface Header {
    readonly phoff: number;
    readonly phnum: number;
    readonly phentsize: number;
    readonly shoff: number;
    readonly shnum: number;
    readonly shentsize: number;
    readonly shstrndx: number;
  }
  interface Program {
    readonly offset: number;
    readonly filesz: number;
    readonly memsz: number;
  }
  interface Section {
    /** A string after `resolveBody`. */
    readonly name: string | number;
    readonly off: number;
    readonly size: number;
    readonly link: number;
    readonly info: number;
    readonly data: Buffer;
  }
  interface Body {
    readonly programs: readonly Program[];
    readonly sections: readonly Section[];
  }
  class Parser {
    parseHeader(bytes: Buffer): Header;
    parseBody(bytes: Buffer, header: Header): Body;
    resolveBody(body: Body, header: Header): Body;
  }
  const elfy: { readonly Parser: typeof Parser };
  export default elfy;
}
