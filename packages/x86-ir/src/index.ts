export * from "./locations.js";
export * from "./types.js";
