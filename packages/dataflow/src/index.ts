export {
  ContentKind,
  reasonOf,
  restsOn,
  SLOT,
  slotOf,
  UNKNOWN_REASONS,
  type Content,
  type UnknownReason,
} from "./content.js";
export * from "./conventions.js";
export * from "./fixpoint.js";
export * from "./frames.js";
export * from "./known-bits.js";
export * from "./known-contents.js";
export * from "./known-derivation.js";
export * from "./known-values.js";
export * from "./ledger.js";
export * from "./liveness.js";
export * from "./meaning.js";
export * from "./narrow.js";
export * from "./nodes.js";
export * from "./order.js";
export * from "./print.js";
export * from "./returns.js";
export * from "./summaries.js";
export * from "./trace.js";
