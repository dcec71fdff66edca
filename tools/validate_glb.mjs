// Run the Khronos glTF validator on GLB files and print its report, one JSON object a line.
//
// node tools/validate_glb.mjs FILE.glb [FILE.glb …]
//
// Exit code: 0 no error or warning in any file, 1 some, 2 no file given, 3 the validator is not installed.
// It is found where `npm install --no-save --prefix .node gltf-validator@2.0.0-dev.3.10` puts it, or where
// node looks anyway.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const ERROR = 0;
const WARNING = 1;
const places = [new URL("../.node/", import.meta.url), import.meta.url];

function findValidator() {
  for (const place of places) {
    try {
      return createRequire(place)("gltf-validator");
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  console.error("gltf-validator is not installed: npm install --no-save --prefix .node gltf-validator@2.0.0-dev.3.10");
  process.exit(3);
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node tools/validate_glb.mjs FILE.glb [FILE.glb …]");
  process.exit(2);
}

const validator = findValidator();
let clean = true;
for (const file of files) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(file)), { maxIssues: 100 });
  const messages = report.issues.messages;
  clean &&= !messages.some(({ severity }) => severity === ERROR || severity === WARNING);
  console.log(JSON.stringify({ file, issues: messages, info: report.info }));
}
process.exit(clean ? 0 : 1);
