/** What a page shows, as monoface writes it into the page (`monoface.viewer.contents` is its twin in Python). */

export interface Contents {
  format: "monoface-page-1";
  /** What the page is about: a photo's name, or that of a file. */
  title: string;
  /** What became of it, and a line that says more; empty for a file without a report. */
  status: string;
  reason: string;
  warnings: string[];
  photos: Photo[];
  faces: Face[];
  /** The report to download, by the name of its file. */
  report: { file_name: string; values: unknown } | null;
}

export interface Photo {
  name: string;
  /** Width and height of the upright original; the picture may be smaller. */
  size_px: [number, number];
  /** Element with the picture. */
  picture: string;
  /** Element with the picture of what was found in it, of the same size. */
  overlay: string | null;
}

export interface Face {
  label: string;
  /** Element with the GLB file, and the file's name. */
  model: string;
  file_name: string;
  /** Which of the photos shows it. */
  photo: number | null;
  /** What the report says of it. */
  report: FaceReport | null;
  /** The photo's camera as glTF has it, where it is another one than the file's. */
  camera: GltfCamera | null;
  /** The photo's expression by morph, where it is another one than the file's. */
  expression: Record<string, number> | null;
}

export interface FaceReport {
  confidence?: number;
  score?: number;
  box_px?: [number, number, number, number];
  yaw_deg?: number;
  pitch_deg?: number;
  roll_deg?: number;
  camera?: { type: string; scale_px_per_mm?: number; focal_px?: number; principal_px?: [number, number] };
  blendshapes?: Record<string, number>;
  mean_vertex_sigma_mm?: number;
}

export interface GltfCamera {
  lens: {
    type: "orthographic" | "perspective";
    orthographic?: { xmag: number; ymag: number; znear: number; zfar: number };
    perspective?: { aspectRatio?: number; yfov: number; znear: number; zfar?: number };
    extras?: { width: number; height: number; view_px: [number, number, number, number] };
  };
  node: { translation: [number, number, number]; rotation: [number, number, number, number] };
}

/** The contents of this page. */
export function readContents(): Contents {
  return JSON.parse(embedded("contents")) as Contents;
}

/** Number of bytes that `embeddedBytes` gives. */
export function embeddedSize(id: string): number {
  const text = embedded(id).trim();
  return (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}

/** Bytes that stand in the page, in base 64. */
export function embeddedBytes(id: string): Uint8Array<ArrayBuffer> {
  const text = atob(embedded(id).trim());
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Address of a picture that stands in the page; the same at each call. */
export function pictureUrl(id: string): string {
  let url = urls.get(id);
  if (url === undefined) {
    url = URL.createObjectURL(new Blob([embeddedBytes(id)], { type: element(id).dataset.type }));
    urls.set(id, url);
  }
  return url;
}

const urls = new Map<string, string>();

function embedded(id: string): string {
  return element(id).textContent ?? "";
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`this page has no ${id}`);
  return found;
}
