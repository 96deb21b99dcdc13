/** CRC-32 as all our formats use it (IEEE, reflected, polynomial EDB88320h): zlib's, which Node has from 20.15 on. */
import { crc32 as zlibCrc32 } from "node:zlib";

/** CRC-32 of `bytes`; `before` is the CRC-32 of what comes in front of them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return zlibCrc32(bytes, before);
}
