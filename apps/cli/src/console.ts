/** A guest's console text on its way to people. */

/**
 * The bytes of a console text (one character per byte) with control characters other than tab, newline and carriage
 * return shown as `^[`: a guest must not steer the terminal that it is watched on.
 */
export function visibleText(text: string): Buffer {
  // oxlint-disable-next-line no-control-regex
  const visible = text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, (c) => `^${String.fromCharCode(c.charCodeAt(0) ^ 0x40)}`);
  return Buffer.from(visible, "latin1");
}
