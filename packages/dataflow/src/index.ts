export * from "./conventions.js";
export * from "./fixpoint.js";
export * from "./known-bits.js";
export * from "./known-contents.js";
export * from "./liveness.js";
export * from "./nodes.js";
export * from "./print.js";
export * from "./summaries.js";
