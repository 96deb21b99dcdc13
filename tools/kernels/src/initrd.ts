/**
 * The initial RAM disk that the test guests run: one static busybox, one script and, on request, one program of ours; the
 * same bytes for the same input.
 *
 * The script says that userland was reached, then lets the kernel do a bit of everything that an operating system is
 * for (processes, pipes, signals, files, floating point, timer interrupts) and prints what came out. Every line is a fact
 * that must not depend on how the kernel's instructions were patched, on the machine or on time.
 *
 * Format: cpio "newc" (Documentation/driver-api/early-userspace/buffer-format.rst).
 */

/** The guest's first line of its own, and its last one. */
export const USERLAND_LINE = "previrt-guest: userland reached";
export const DONE_LINE = "previrt-guest: done";

export interface InitrdOptions {
  /** A static busybox for the guest's processor. */
  readonly busybox: Uint8Array;
  /** Replaces what the guest does between the two lines; a piece of shell. */
  readonly script?: string;
  /** The static program that the guest finds as /bin/workload. Unless there is a script, it runs, and much shell work behind it. */
  readonly workload?: Uint8Array;
  /** Further cpio archives, such as `fetchModules` gives: the kernel unpacks one behind the other. */
  readonly archives?: readonly Uint8Array[];
}

/** A script for `InitrdOptions`: an interactive shell on the serial port, which is its controlling terminal; `exit` ends it. */
export const SHELL = `
setsid sh -c 'exec sh -i </dev/ttyS0 >/dev/ttyS0 2>&1'
`.trim();

/** Names under which the script calls busybox. */
const APPLETS = [
  "sh",
  "awk",
  "cat",
  "cut",
  "dd",
  "dmesg",
  "echo",
  "env",
  "expr",
  "grep",
  "head",
  "kill",
  "ls",
  "md5sum",
  "mkdir",
]
  .concat([
    "mknod",
    "mount",
    "nproc",
    "poweroff",
    "ps",
    "reboot",
    "rm",
    "sed",
    "seq",
    "setsid",
    "sha256sum",
    "sleep",
    "sort",
    "tail",
    "test",
  ])
  .concat(["touch", "tr", "true", "false", "uname", "uniq", "wc", "yes"])
  .concat(["cmp", "cp", "find", "gunzip", "gzip", "mv", "tar", "tee", "umount", "xargs"]);

const CHECKS = `
echo "guest: $(uname -srm)"
echo "guest: $(nproc) processor"
echo "guest: arithmetic $((6 * 7))"
i=0
sum=0
while [ $i -lt 8 ]; do
  (exit $i)
  sum=$((sum + $?))
  i=$((i + 1))
done
echo "guest: exit codes of eight children add up to $sum"
echo "guest: pipe $(seq 1 1000 | sort -rn | head -n 1 | tr 0-9 a-j)"
trap 'echo "guest: signal caught"' USR1
kill -USR1 $$
trap - USR1
sleep 1000 &
kill -TERM $!
wait $! 2>/dev/null
echo "guest: killed child ended with $?"
(
  echo one
  echo two
) >/tmp/words
mkdir /tmp/folder
cat /tmp/words /tmp/words | sort | uniq -c | tr -s ' ' >/tmp/folder/counted
echo "guest: file $(wc -l </tmp/folder/counted) lines, $(md5sum </tmp/folder/counted | cut -c1-8)"
echo "guest: busybox $(sha256sum </bin/busybox | cut -c1-16)"
echo "guest: floating point $(awk 'BEGIN { x = 1; for (i = 0; i < 9; i++) x = (x + 2 / x) / 2; printf "%.12f", x }')"
before=$(ticks)
sleep 0.2
after=$(ticks)
[ "$after" -gt "$before" ] && echo "guest: timer interrupts arrive"
echo "guest: null device $(dd if=/dev/zero of=/dev/null bs=4096 count=64 2>&1 | tail -n 3 | head -n 1)"
ls /nowhere 2>/dev/null || echo "guest: missing file refused with $?"
`.trim();

/** Behind the compiled parts of the workload: shell work, on files in memory. */
const SHELL_WORK = `
mkdir /tmp/work
mount -t tmpfs tmpfs /tmp/work
cd /tmp/work
checksum() {
  md5sum | cut -c1-8
}
i=0
sum=0
while [ $i -lt 2000 ]; do
  i=$((i + 1))
  sum=$(((sum * 31 + i) & 0xffffff))
done
echo "workload: shell-loop ok $sum"
for i in $(seq 1 20); do
  (seq $i 7 1000 | sort -r >list.$i)
done
echo "workload: shell-files ok $(cat list.* | checksum)"
for i in $(seq 1 12); do
  cat list.$i list.$((i + 1)) | sort -n | uniq -c | sed 's/^ *//' | grep -v '3 ' | tr ' ' ':' >mixed.$i
done
echo "workload: shell-pipes ok $(cat mixed.* | checksum)"
mkdir -p tree/a/b tree/c
for i in $(seq 1 12); do
  cp mixed.$i tree/a/b/$i
  mv tree/a/b/$i tree/c/file.$i
  grep -c 1 tree/c/file.$i >tree/a/$i
done
tar -c -f - tree | gzip | gunzip | (mkdir copy && cd copy && tar -x -f -)
find tree -type f | sort | while read -r name; do
  cmp "$name" "copy/$name" || echo "workload: shell-tar failed: $name differs"
done
echo "workload: shell-tar ok $(cd copy && find . -type f | sort | xargs md5sum | checksum)"
awk 'BEGIN { for (i = 1; i < 4000; i++) { x = (x * 69069 + i) % 65536; n[x % 97]++ } for (i = 0; i < 97; i++) print i, n[i] }' >counts
echo "workload: shell-awk ok $(checksum <counts)"
dd if=/dev/zero bs=64k count=16 2>/dev/null | tr '\0' x | tee zeros.txt | sha256sum | cut -c1-16 >sha
echo "workload: shell-megabytes ok $(cat sha) $(wc -c <zeros.txt)"
i=0
while [ $i -lt 20 ]; do
  sleep 0.01 &
  wait $!
  i=$((i + 1))
done
echo "workload: shell-sleep ok $i"
set -- $(ls | wc -l)
cd /
rm -r /tmp/work/*
umount /tmp/work
echo "workload: shell-clean ok $1"
`.trim();

/** The archive, uncompressed. */
export function makeInitrd({ busybox, workload, script, archives = [] }: InitrdOptions): Uint8Array {
  const work = script ?? (workload === undefined ? CHECKS : `${CHECKS}\nworkload\n${SHELL_WORK}`);
  const init = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
# Only warnings and worse from here on: progress notes of the kernel would fall between our lines at any time.
echo 5 >/proc/sys/kernel/printk
exec </dev/console >/dev/console 2>&1
ticks() {
  awk '/timer|rtc|hpet/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' /proc/interrupts
}
echo "${USERLAND_LINE}"
${work}
echo "${DONE_LINE}"
while true; do sleep 1000; done
`;
  const archive = new CpioWriter();
  for (const folder of ["bin", "dev", "proc", "sys", "tmp"]) archive.add(folder, 0o040755);
  archive.add("dev/console", 0o020600, { device: [5, 1] });
  archive.add("dev/ttyS0", 0o020600, { device: [4, 64] });
  archive.add("dev/null", 0o020666, { device: [1, 3] });
  archive.add("dev/zero", 0o020666, { device: [1, 5] });
  archive.add("bin/busybox", 0o100755, { data: busybox });
  if (workload !== undefined) archive.add("bin/workload", 0o100755, { data: workload });
  for (const name of APPLETS.toSorted()) archive.add(`bin/${name}`, 0o120777, { data: encode("busybox") });
  archive.add("init", 0o100755, { data: encode(init) });
  const all = [archive.finish(), ...archives];
  const bytes = new Uint8Array(all.reduce((size, part) => size + part.length, 0));
  all.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return bytes;
}

/** An archive of plain files in one folder, in the order given. */
export function packFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const archive = new CpioWriter();
  archive.add(folder, 0o040755);
  for (const [name, data] of files) archive.add(`${folder}/${name}`, 0o100644, { data });
  return archive.finish();
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

class CpioWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  #inode = 0;

  /** `mode` as in stat: type and permissions. */
  add(
    name: string,
    mode: number,
    content: { data?: Uint8Array; device?: readonly [major: number, minor: number] } = {},
  ): void {
    const { data = new Uint8Array(), device = [0, 0] } = content;
    const title = encode(`${name}\0`);
    this.#inode += 1;
    // inode, mode, uid, gid, links, time, size, device of the file (2), device it is (2), length of the name, check
    const fields = [this.#inode, mode, 0, 0, 1, 0, data.length, 0, 0, device[0], device[1], title.length, 0];
    this.#push(encode(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`));
    this.#push(title);
    this.#align();
    this.#push(data);
    this.#align();
  }

  finish(): Uint8Array {
    this.add("TRAILER!!!", 0);
    const archive = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      archive.set(part, at);
      at += part.length;
    }
    return archive;
  }

  #align(): void {
    this.#push(new Uint8Array(-this.#length & 3));
  }

  #push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}
