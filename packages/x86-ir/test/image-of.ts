/** Filetests with data: the whole program as an image, whose symbols name its functions. */
import { assembleElf, type Filetest } from "@pv/assembler";
import { openImage, unwrap } from "@pv/elf";
import { buildProgram, codeFacts, kernelRegions, type Program, staticData, type StaticData } from "@pv/x86-ir";

export async function imageOf({ source, bits }: Filetest): Promise<{ program: Program; data: StaticData | undefined }> {
  const image = unwrap(await openImage(assembleElf(source, { bits })));
  const { addressHigh } = image.elf;
  const program = buildProgram({ regions: kernelRegions(image), bits, addressHigh, facts: codeFacts(image) });
  return { program, data: staticData(image) };
}
