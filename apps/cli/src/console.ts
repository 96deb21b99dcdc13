/** A guest's console text on its way to people. */

/** All but tab, newline and carriage return. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;

/**
 * The bytes of a console text (one character per byte) with control characters shown as `^[`: a guest must not steer
 * the terminal that it is watched on.
 */
export function visibleText(text: string): Buffer {
  const visible = text.replace(CONTROL, (c) => `^${String.fromCharCode(c.charCodeAt(0) ^ 0x40)}`);
  return Buffer.from(visible, "latin1");
}
