/** Sliders for the expressions of a head, in groups, with presets. */
import { byId, make, say } from "./dom.ts";

type Weights = Record<string, number>;

const GROUPS: readonly (readonly [title: string, begins: RegExp])[] = [
  ["Brows", /^brow/],
  ["Eyes", /^eye/],
  ["Cheeks and nose", /^(cheek|nose)/],
  ["Jaw", /^jaw/],
  ["Mouth", /^mouth/],
  ["Tongue", /^tongue/],
];

const both = (name: string, weight: number): Weights => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });

const PRESETS: readonly (readonly [title: string, weights: Weights])[] = [
  ["Neutral", {}],
  ["Smile", { ...both("mouthSmile", 0.8), ...both("cheekSquint", 0.5), ...both("eyeSquint", 0.25) }],
  ["Blink", both("eyeBlink", 1)],
  ["Wink", { eyeBlinkLeft: 1, cheekSquintLeft: 0.6, mouthSmileLeft: 0.5, mouthSmileRight: 0.15 }],
  ["Aah", { jawOpen: 0.75 }],
  ["Ooo", { mouthFunnel: 0.7, mouthPucker: 0.35, jawOpen: 0.2 }],
  ["Kiss", { mouthPucker: 1 }],
  ["Surprise", { ...both("browOuterUp", 0.8), browInnerUp: 0.8, ...both("eyeWide", 0.9), jawOpen: 0.4 }],
  ["Frown", { ...both("browDown", 0.9), ...both("mouthFrown", 0.7), mouthShrugLower: 0.3 }],
];

const BLEND_MS = 220;

export class Expressions {
  private readonly changed: (weights: Weights) => void;
  private readonly rows = new Map<string, { row: HTMLElement; input: HTMLInputElement; output: HTMLOutputElement }>();
  private weights: Weights = {};
  private ofPhoto: Weights = {};
  private blending = 0;

  /** @param changed Is told the weights of all expressions when one moves. */
  constructor(changed: (weights: Weights) => void) {
    this.changed = changed;
  }

  /** Show a head: its expressions, and the weights that its photo has. */
  show(names: readonly string[], ofPhoto: Weights): void {
    cancelAnimationFrame(this.blending);
    this.ofPhoto = ofPhoto;
    this.weights = { ...ofPhoto };
    byId("expression").hidden = names.length === 0;
    byId("expression-title").textContent = `Expression (${names.length})`;
    if (names.join() !== [...this.rows.keys()].join()) this.build(names);
    this.write();
  }

  /** Show weights that something else has set. */
  follow(weights: Weights): void {
    this.weights = { ...weights };
    this.write();
  }

  private build(names: readonly string[]): void {
    this.rows.clear();
    const known = GROUPS.map(([title, begins]) => [title, names.filter((name) => begins.test(name))] as const);
    const rest = names.filter((name) => !GROUPS.some(([, begins]) => begins.test(name)));
    const groups = [...known, ["Others", rest] as const].filter(([, members]) => members.length > 0);
    byId("groups").replaceChildren(
      ...groups.map(([title, members]) => {
        const group = make("details");
        const summary = make("summary", title);
        summary.append(make("span", String(members.length), "count"));
        group.append(summary, ...members.map((name) => this.row(name)));
        return group;
      }),
    );
    // Listed in the order of the file, for comparing.
    const ordered = new Map(names.map((name) => [name, this.rows.get(name)]));
    this.rows.clear();
    for (const [name, row] of ordered) if (row !== undefined) this.rows.set(name, row);
    byId("presets").replaceChildren(
      this.preset("As in the photo", () => this.ofPhoto),
      ...PRESETS.filter(([, weights]) => Object.keys(weights).every((name) => names.includes(name))).map(
        ([title, weights]) => this.preset(title, () => weights),
      ),
    );
  }

  private row(name: string): HTMLElement {
    const row = make("label", "", "slider");
    const label = make("span", words(name));
    label.title = name;
    const input = make("input");
    Object.assign(input, { type: "range", min: "0", max: "1", step: "0.01", name });
    const output = make("output");
    input.addEventListener("input", () => this.slide(name, Number(input.value)));
    row.append(label, input, output);
    this.rows.set(name, { row, input, output });
    return row;
  }

  private preset(title: string, weights: () => Weights): HTMLElement {
    const button = make("button", title);
    button.type = "button";
    button.addEventListener("click", () => {
      this.blendTo(weights());
      say(`Expression: ${title}`);
    });
    return button;
  }

  private slide(name: string, weight: number): void {
    cancelAnimationFrame(this.blending);
    this.weights[name] = weight;
    const twin = otherSide(name);
    if (byId("both", HTMLInputElement).checked && twin in this.weights) this.weights[twin] = weight;
    this.write();
    this.changed(this.weights);
  }

  private blendTo(goal: Weights): void {
    cancelAnimationFrame(this.blending);
    const from = { ...this.weights };
    const began = performance.now();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const step = (now: number): void => {
      const part = still ? 1 : Math.min(1, Math.max(0, now - began) / BLEND_MS);
      for (const name of this.rows.keys()) {
        this.weights[name] = part === 1 ? (goal[name] ?? 0) : (1 - part) * (from[name] ?? 0) + part * (goal[name] ?? 0);
      }
      this.write();
      this.changed(this.weights);
      if (part < 1) this.blending = requestAnimationFrame(step);
    };
    this.blending = requestAnimationFrame(step);
  }

  private write(): void {
    for (const [name, { row, input, output }] of this.rows) {
      const weight = this.weights[name] ?? 0;
      input.value = String(weight);
      output.textContent = weight.toFixed(2);
      row.classList.toggle("moved", weight >= 0.005);
    }
  }
}

/** `mouthSmileLeft` as people read it. */
export function words(name: string): string {
  const side = /(Left|Right)$/.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - side.length).replace(/^(brow|eye|cheek|nose|jaw|mouth|tongue)(?=[A-Z])/, "");
  const plain = (stem || name).replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return plain.charAt(0).toUpperCase() + plain.slice(1) + (side && stem ? ` ${side.toLowerCase()}` : "");
}

function otherSide(name: string): string {
  // A look to the left is one outwards with one eye, and inwards with the other.
  const looks = /^eyeLook(In|Out)(Left|Right)$/.exec(name);
  if (looks !== null) return `eyeLook${looks[1] === "In" ? "Out" : "In"}${looks[2] === "Left" ? "Right" : "Left"}`;
  // These name a direction, not a half of the face.
  if (/^(jaw|mouth)(Left|Right)$/.test(name)) return "";
  return name.replace(/(Left|Right)$/, (side) => (side === "Left" ? "Right" : "Left"));
}
