export { type FetchOptions, type Fetched, fetchBusybox, fetchKernel, fetchModules } from "./fetch.js";
export { FLAVOURS, type Flavour } from "./flavours.js";
export { type ForTests, busyboxForTests, kernelForTests, modulesForTests } from "./for-tests.js";
export { type InitrdOptions, DONE_LINE, SHELL, USERLAND_LINE, makeInitrd } from "./initrd.js";
