export * from "./catalogue.js";
export * from "./catalogue/exclusions.js";
export * from "./devices.js";
export * from "./document.js";
export * from "./entry.js";
export * from "./form.js";
export * from "./operands.js";
export * from "./sites.js";
