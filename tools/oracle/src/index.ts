export * from "./compare.js";
export * from "./path-search.js";
export * from "./random-program.js";
