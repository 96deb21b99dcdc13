export { readKernelTables } from "./kernel-tables.js";
export { printKernelTables } from "./print.js";
