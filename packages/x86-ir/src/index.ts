export * from "./blocks.js";
export * from "./code-facts.js";
export * from "./decode.js";
export { EFFECT_ANYTHING, EFFECT_NONE } from "./effects.js";
export * from "./functions.js";
export * from "./locations.js";
export * from "./print.js";
export * from "./program.js";
export * from "./types.js";
