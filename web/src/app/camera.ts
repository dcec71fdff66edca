/** Photos from the camera of this machine; nothing is recorded. */
import { byId } from "../page/dom.ts";

export class Camera {
  private readonly video = byId("video", HTMLVideoElement);
  private readonly live = byId("live");
  private stream: MediaStream | null = null;

  /**
   * @param taken Gets each photo.
   * @param problem Is told why there is no camera; empty when there is one.
   */
  constructor(taken: (photo: File) => void, problem: (text: string) => void) {
    byId("camera").addEventListener("click", () => {
      this.open().then(
        () => problem(""),
        (error: unknown) => problem(`The camera cannot be used: ${error instanceof Error ? error.message : error}`),
      );
    });
    byId("shoot").addEventListener("click", () => void this.shoot().then(taken));
    byId("stop").addEventListener("click", () => this.close());
  }

  private async open(): Promise<void> {
    if (navigator.mediaDevices === undefined) throw new Error("browsers give it to this machine or https only");
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } }, audio: false });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.live.hidden = false;
  }

  private async shoot(): Promise<File> {
    const photo = await frameOf(this.video, "camera.jpg");
    this.close();
    return photo;
  }

  private close(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.live.hidden = true;
  }
}

/** What a video shows at this moment, as a JPEG. */
export async function frameOf(video: HTMLVideoElement, name: string): Promise<File> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  if (blob === null) throw new Error("no picture could be taken");
  return new File([blob], name, { type: "image/jpeg" });
}
