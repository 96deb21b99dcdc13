/** Direct branches by their encodings: which of them a stub can repeat with a 32-bit displacement. */

export const BranchForm = { none: 0, jump: 1, conditional: 2, call: 3 } as const;
export type BranchForm = (typeof BranchForm)[keyof typeof BranchForm];

/** Prefixes that change nothing about a near branch: CS and DS (hints), BND, REX.W. Never 66h, which cuts the target. */
const HARMLESS_PREFIXES: ReadonlySet<number> = new Set([0x2e, 0x3e, 0xf2, 0x48]);

/**
 * The form of a direct near branch with an 8- or 32-bit displacement, and its condition (`tttn`, SDM Vol. 1, B.1) if it
 * is conditional; `none` for everything else. Only meant for instructions whose flow is known to be a direct branch:
 * a prefix byte such as 48h means something else elsewhere.
 */
export function branchForm(bytes: Uint8Array): { readonly form: BranchForm; readonly condition: number } {
  let at = 0;
  while (at < bytes.length && HARMLESS_PREFIXES.has(bytes[at])) at++;
  const opcode = bytes[at],
    second = bytes[at + 1];
  const left = bytes.length - at;
  if (opcode === 0xeb && left === 2) return { form: BranchForm.jump, condition: 0 };
  if (opcode === 0xe9 && left === 5) return { form: BranchForm.jump, condition: 0 };
  if (opcode === 0xe8 && left === 5) return { form: BranchForm.call, condition: 0 };
  if (opcode >= 0x70 && opcode <= 0x7f && left === 2) return { form: BranchForm.conditional, condition: opcode & 15 };
  if (opcode === 0x0f && second >= 0x80 && second <= 0x8f && left === 6)
    return { form: BranchForm.conditional, condition: second & 15 };
  return { form: BranchForm.none, condition: 0 };
}
