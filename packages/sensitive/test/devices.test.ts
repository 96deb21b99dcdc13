import fc from "fast-check";
import { expect, test } from "vitest";
import { msrName, portName } from "../src/index.js";

test("well-known ports have the name of their device and register", () => {
  expect(
    [0x20, 0xa1, 0x43, 0x71, 0x3f8, 0x2fd, 0xcf8, 0xcfe, 0x1f7, 0x3f6, 0x279].map((port) => portName(port)),
  ).toEqual([
    "8259 PIC 1 command",
    "8259 PIC 2 data",
    "8254 PIT mode",
    "CMOS and RTC data",
    "COM1 16550 data",
    "COM2 16550 line status",
    "PCI configuration address",
    "PCI configuration data + 2",
    "IDE primary command",
    "IDE primary control",
    "ISA PnP address",
  ]);
  expect(portName(0xb00)).toBeUndefined();
});

test("MSRs have their manuals' names, numbered in ranges", () => {
  expect(
    [0x10, 0xc000_0080, 0x186, 0x189, 0x405, 0xc001_0055, 0xc001_0005, 0x802].map((index) => msrName(index)),
  ).toEqual([
    "IA32_TIME_STAMP_COUNTER",
    "IA32_EFER",
    "IA32_PERFEVTSEL0",
    "IA32_PERFEVTSEL3",
    "IA32_MC1_CTL, STATUS, ADDR or MISC",
    "AMD INT_PENDING_MSG",
    "AMD PERF_CTR1",
    "x2APIC register 2",
  ]);
  expect(msrName(0x1234_5678)).toBeUndefined();
});

test("names are texts for any number", () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.integer({ min: 0, max: 0xffff_ffff }), (port, index) => {
      for (const name of [portName(port), msrName(index)]) if (name !== undefined) expect(name).toMatch(/^[^#]+$/);
    }),
  );
});
