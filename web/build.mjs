// Builds the pages that the package ships from the sources beside this file.
//
//   node build.mjs           writes them
//   node build.mjs --check   exits with 1 if the committed ones are others
//
// Each page is one file: its style and its script stand in it, and its Content-Security-Policy allows these two by
// their digests, and nothing from elsewhere.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
// Where each page goes: that of a result, and the front page of the server.
const targets = {
  page: join(here, "../src/monoface/viewer/bundle/page.html"),
  app: join(here, "../src/monoface/serving/bundle/app.html"),
};

// What the pages may do besides running their own script and style: show pictures that stand in them. `blob:` is how
// the loader of models hands out the pictures that lie in a model.
const policies = {
  page: "default-src 'none'; img-src data: blob:; connect-src blob:; base-uri 'none'; form-action 'none'",
  app:
    "default-src 'none'; img-src 'self' data: blob:; media-src blob:; connect-src 'self'; frame-src 'self'; " +
    "base-uri 'none'; form-action 'none'",
};

async function bundled(file) {
  const result = await build({
    entryPoints: [join(here, "src", file)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["chrome100", "firefox100", "safari15.4"],
    // three.js says what it is, and under which licence, at the end of the script.
    legalComments: "eof",
    charset: "utf8",
    logLevel: "warning",
  });
  const text = result.outputFiles[0].text.trim();
  if (/<\/(script|style)/i.test(text)) throw new Error(`${file}: would end the element that it stands in`);
  return text;
}

const digest = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

async function page(name) {
  const [style, script] = [await bundled(`${name}/style.css`), await bundled(`${name}/main.ts`)];
  const policy = `${policies[name]}; script-src ${digest(script)}; style-src ${digest(style)}`;
  const parts = { policy, style, script };
  // A function, for `$` means something in texts that replace others.
  return readFileSync(join(here, "src", name, "page.html"), "utf8").replace(
    /<!--build:(\w+)-->/g,
    (_, part) => parts[part],
  );
}

let stale = 0;
for (const [name, target] of Object.entries(targets)) {
  mkdirSync(dirname(target), { recursive: true });
  const text = await page(name);
  if (!process.argv.includes("--check")) {
    writeFileSync(target, text);
    console.log(`${name}.html: ${text.length} characters`);
  } else if (readFileSync(target, "utf8") !== text) {
    console.error(`${target} is not what web/ builds: run npm run build in web/, and commit it.`);
    stale = 1;
  }
}
process.exit(stale);
