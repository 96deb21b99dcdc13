/** The runner on itself: code bytes and symbols of small programs. */
import { filetestCode, runFiletests } from "@pv/assembler";

runFiletests(new URL("./filetests/", import.meta.url), {
  bytes: (input) => {
    const { bytes, base, symbols } = filetestCode(input);
    const names = [...symbols].map(([name, address]) => `${name} ${address.toString(16)}`);
    return `${base.toString(16)}: ${Buffer.from(bytes).toString("hex")}\n${names.join("\n")}`;
  },
});
