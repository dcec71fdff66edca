/** The front page of the server: photos in, a gallery of what became of them, and the viewer beside it. */
import { byId, make, say } from "../page/dom.ts";
import { listenToTheme } from "../page/theme.ts";
import { Camera } from "./camera.ts";
import { framesOf } from "./clips.ts";

interface Result {
  photo: string;
  status: string;
  reason: string;
  files: string[];
}

interface Job {
  id: string;
  state: "queued" | "working" | "done" | "failed";
  reason: string;
  photos: string[];
  results: Result[];
}

const together = byId("together", HTMLInputElement);
const drop = byId("drop");
const chooser = byId("files", HTMLInputElement);

/** Send photos, or the frames of a clip, as one job. */
async function take(files: readonly File[]): Promise<void> {
  problem("");
  try {
    const clip = files.find((file) => file.type.startsWith("video/"));
    if (clip !== undefined) say(`Reading frames of ${clip.name}`);
    const photos = clip === undefined ? files : await framesOf(clip);
    if (photos.length === 0) return;
    // Frames of a clip show one person, as far as we know.
    await send(photos, clip !== undefined || (together.checked && photos.length > 1) ? "together" : "each");
  } catch (error) {
    problem(error instanceof Error ? error.message : String(error));
  }
}

async function send(photos: readonly File[], mode: string): Promise<void> {
  const form = new FormData();
  form.append("mode", mode);
  for (const photo of photos) form.append("photo", photo, photo.name);
  const answer = await fetch("/v1/reconstruct", { method: "POST", body: form });
  const told = (await answer.json()) as Job & { reason: string };
  if (!answer.ok) throw new Error(`Refused (${answer.status}): ${told.reason}`);
  follow(told);
}

/** Show a job in the gallery, and each change of it. */
function follow(job: Job): void {
  const item = make("li");
  byId("gallery").prepend(item);
  byId("empty").hidden = true;
  draw(item, job);
  const events = new EventSource(`/v1/jobs/${job.id}/events`);
  events.addEventListener("job", (event) => {
    const now = JSON.parse((event as MessageEvent<string>).data) as Job;
    draw(item, now);
    if (now.state !== "done" && now.state !== "failed") return;
    events.close();
    say(`${now.photos[0] ?? ""}: ${now.state}`);
    const page = pages(now)[0];
    if (page !== undefined) show(item, page);
  });
}

function pages(job: Job): string[] {
  return job.results.flatMap((one) =>
    one.files.filter((name) => name.endsWith(".html")).map((name) => address(job, name)),
  );
}

const address = (job: Job, name: string): string => `/v1/jobs/${job.id}/files/${name}`;

function draw(item: HTMLElement, job: Job): void {
  const picture = job.results.flatMap((one) => one.files).find((name) => name.endsWith(".overlay.png"));
  const image = picture === undefined ? make("span", "", "blank") : make("img");
  if (image instanceof HTMLImageElement && picture !== undefined) {
    image.src = address(job, picture);
    image.alt = "";
  }
  const text = make("div");
  const more = job.photos.length > 1 ? ` and ${job.photos.length - 1} more` : "";
  text.append(make("strong", `${job.photos[0] ?? "photo"}${more}`));
  if (job.state === "queued" || job.state === "working") text.append(waiting(job));
  else text.append(make("small", job.state === "failed" ? job.reason : summary(job)));
  item.replaceChildren(image, text, actions(item, job));
}

function waiting(job: Job): HTMLElement {
  const bar = make("progress");
  bar.setAttribute("aria-label", job.state === "queued" ? "Waiting" : "Working");
  if (job.results.length > 0) Object.assign(bar, { max: job.photos.length, value: job.results.length });
  return bar;
}

function summary(job: Job): string {
  const [first] = job.results;
  if (job.results.length === 1 && first !== undefined) {
    return first.status === "ok" ? first.reason : `${first.status.replaceAll("_", " ")}: ${first.reason}`;
  }
  return `${job.results.filter((one) => one.status === "ok").length} of ${job.results.length} photos with faces`;
}

function actions(item: HTMLElement, job: Job): HTMLElement {
  const row = make("div", "", "row");
  pages(job).forEach((page, index, all) => {
    const button = make("button", all.length > 1 ? `Show ${index + 1}` : "Show");
    button.type = "button";
    button.addEventListener("click", () => show(item, page));
    row.append(button);
  });
  if (job.state === "done") {
    const link = make("a", "Download all");
    link.href = `/v1/jobs/${job.id}/all.zip`;
    link.download = "monoface.zip";
    row.append(link);
  }
  return row;
}

function show(item: HTMLElement, page: string): void {
  for (const other of byId("gallery").children) other.classList.toggle("current", other === item);
  byId("shown").hidden = false;
  const viewer = byId("viewer", HTMLIFrameElement);
  if (viewer.getAttribute("src") !== page) viewer.src = page;
}

function problem(text: string): void {
  byId("problem").hidden = text === "";
  byId("problem").textContent = text;
}

function listen(): void {
  listenToTheme();
  byId("choose").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    void take([...(chooser.files ?? [])]);
    chooser.value = "";
  });
  for (const name of ["dragover", "dragleave", "drop"] as const) {
    // On the whole page: a photo that is dropped beside the field would replace the page.
    document.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") void take([...(event.dataTransfer?.files ?? [])]);
    });
  }
  new Camera((photo) => void take([photo]), problem);
}

listen();
