export * from "./types.js";
export * from "./profile-bare.js";
export * from "./profile-ring3.js";
export * from "./templates/poison.js";
export * from "./templates/print.js";
export { StubCode } from "./templates/code.js";
export { emitCount } from "./templates/inline.js";
export { Known, Routine } from "./templates/routine.js";
export { SharedWord } from "./templates/shared.js";
export {
  ANY_FORM,
  findGroup,
  makeGroup,
  registersOf,
  variantAt,
  variantCount,
  variantOf,
} from "./templates/variants.js";
export type { SiteFacts, Variant } from "./templates/variants.js";
export { findModuleHook, NO_MODULE_HOOK, type ModuleHook } from "./plan/module-hook.js";
export { NO_PATCH, planPatches } from "./plan/plan.js";
export { comparedAddresses, steppedCode } from "./rules/compared-addresses.js";
export { copiedCode, COPIED_SYMBOLS, type SymbolLookup } from "./rules/copied-code.js";
export { earlyCode, PHYSICAL_ENTRIES, type EarlyCodeOptions } from "./rules/early.js";
export type { Protection } from "./rules/protection.js";
export type { PlanInput, Ranges, Rule } from "./rules/rule.js";
export { stackGuardOf } from "./rules/stack-guard.js";
export { RULES, ruleNumber, ruleOf, type RuleName } from "./rules/table.js";
export { describeSite, siteExplainer, type RungName, type RungOutcome, type SiteExplanation } from "./plan/explain.js";
export { printPlans, TACTIC_NAMES } from "./plan/print.js";
