/** What is typed on this process' terminal, for a guest. */
import type { ReadStream } from "node:tty";
import type { Typing } from "./machine/machine.js";

/** Ctrl-], as in telnet: all other keys, Ctrl-C among them, are the guest's. */
export const LEAVE_KEY = "Ctrl-]";
const LEAVE = 0x1d;

/**
 * Takes all bytes of a stream. A terminal is raw for as long as that lasts, and gets its mode back whatever happens to this
 * process (but for SIGKILL): Node itself restores it at exit.
 */
export function typingOn(stream: NodeJS.ReadStream | ReadStream): Typing {
  return {
    connect(send, leave) {
      const take = (bytes: Buffer): void => {
        const end = bytes.indexOf(LEAVE);
        const typed = end < 0 ? bytes : bytes.subarray(0, end);
        if (typed.length > 0) send(typed);
        if (end >= 0) leave();
      };
      const raw = stream.isTTY && !stream.isRaw;
      if (raw) stream.setRawMode(true);
      // A terminal that goes away is no reason to end; the signal that comes with it is.
      stream.on("data", take).on("error", ignore).resume();
      return () => {
        stream.off("data", take).off("error", ignore).pause();
        if (raw) stream.setRawMode(false);
        stream.unref?.();
      };
    },
  };
}

function ignore(): void {}
