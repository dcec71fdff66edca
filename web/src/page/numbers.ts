/** What the report says of a face, as a list of names and values. */
import type { Face } from "./contents.ts";
import { byId, make } from "./dom.ts";

/** Show the numbers of a face, and its blendshapes, the strongest first. */
export function showNumbers(face: Face | null): void {
  const report = face?.report ?? null;
  const rows: [string, string][] = [];
  const add = (name: string, value: number | undefined, text: (value: number) => string): void => {
    if (value !== undefined) rows.push([name, text(value)]);
  };
  const degrees = (value: number): string => `${value.toFixed(1)}°`;
  add("Confidence", report?.confidence, (value) => `${(100 * value).toFixed(0)} %`);
  add("Yaw", report?.yaw_deg, degrees);
  add("Pitch", report?.pitch_deg, degrees);
  add("Roll", report?.roll_deg, degrees);
  add("Mean uncertainty", report?.mean_vertex_sigma_mm, (value) => `± ${value.toFixed(2)} mm`);
  add("Scale", report?.camera?.scale_px_per_mm, (value) => `${value.toFixed(3)} px/mm`);
  add("Focal length", report?.camera?.focal_px, (value) => `${value.toFixed(0)} px`);
  const box = report?.box_px;
  if (box !== undefined) rows.push(["Box", box.map((edge) => edge.toFixed(0)).join(", ")]);
  if (rows.length === 0) rows.push(["No report", "the file alone"]);
  byId("numbers").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
  showBlendshapes(report?.blendshapes ?? {});
}

function showBlendshapes(values: Record<string, number>): void {
  const sorted = Object.entries(values).sort(([, one], [, other]) => other - one);
  const list = byId("blendshapes");
  list.hidden = sorted.length === 0;
  list.querySelector("dl")?.replaceChildren(
    ...sorted.flatMap(([name, value]) => {
      const bar = make("i");
      bar.style.width = `${Math.max(1, Math.min(100, 100 * value))}%`;
      const drawn = make("dd");
      drawn.append(bar);
      drawn.setAttribute("aria-hidden", "true");
      return [make("dt", name), drawn, make("dd", value.toFixed(2))];
    }),
  );
}
