/**
 * The x86 branch filter ("BCJ") of .xz files, decoding direction.
 *
 * The encoder replaces the displacement of what looks like CALL or JMP rel32 (E8h, E9h) by the absolute target, because
 * repeated calls to one function then look the same. It takes a displacement only where its top byte is 00h or FFh, and
 * refuses bytes that could belong to an instruction just before. Which of the three bytes before are E8h or E9h is kept
 * in `recent` (bit 0: the byte right before), and decides both whether a byte may be converted and whether the
 * conversion has to be repeated, because its result is one that the encoder would have refused.
 *
 * Source: the description of the filter in the .xz file format 1.1, 5.3.2, and the behaviour of XZ Embedded. Cost: one
 * pass, in place.
 */

/** May a byte be converted, given `recent`? */
const ALLOWED = [true, true, true, false, true, false, false, false];
/** Which byte of the displacement `recent` bears on, counted from its top. */
const BYTE = [0, 1, 2, 2, 3, 3, 3, 3];

const isExtreme = (byte: number): boolean => byte === 0 || byte === 0xff;

/** Undoes the filter on `bytes`, whose first byte the encoder took to be at address 0. */
export function undoX86Filter(bytes: Uint8Array): void {
  const end = bytes.length - 4;
  let recent = 0;
  let last = -1;
  for (let at = 0; at < end; at++) {
    if ((bytes[at] & 0xfe) !== 0xe8) continue;
    const distance = at - last;
    last = at;
    if (distance > 3) recent = 0;
    else {
      recent = (recent << (distance - 1)) & 7;
      if (recent !== 0 && (!ALLOWED[recent] || isExtreme(bytes[at + 4 - BYTE[recent]]))) {
        recent = (recent << 1) | 1;
        continue;
      }
    }
    if (!isExtreme(bytes[at + 4])) {
      recent = (recent << 1) | 1;
      continue;
    }
    let target = bytes[at + 1] | (bytes[at + 2] << 8) | (bytes[at + 3] << 16) | (bytes[at + 4] << 24);
    let displacement = (target - (at + 5)) | 0;
    const shift = 24 - BYTE[recent] * 8;
    if (recent !== 0 && isExtreme((displacement >>> shift) & 0xff)) {
      // Once is enough: the lower bits are then those of the first target, inverted, and they were not extreme.
      target = displacement ^ (2 ** (shift + 8) - 1);
      displacement = (target - (at + 5)) | 0;
    }
    bytes[at + 1] = displacement;
    bytes[at + 2] = displacement >> 8;
    bytes[at + 3] = displacement >> 16;
    bytes[at + 4] = displacement & 0x1000000 ? 0xff : 0;
    at += 4;
  }
}
