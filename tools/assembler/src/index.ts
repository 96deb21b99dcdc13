export * from "./assemble.js";
export * from "./filetest.js";
