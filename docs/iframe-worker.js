// A page that was opened as a file may start no worker, and the search is one. There it runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.early = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      this.frame.onload = () => this.start(this.frame.contentWindow, url);
      document.body.append(this.frame);
    }

    start(inner, url) {
      inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inner.document.createElement("script");
      script.onload = () => {
        this.inner = inner;
        this.early.forEach((data) => this.postMessage(data));
      };
      script.src = url;
      inner.document.body.append(script);
    }

    postMessage(data) {
      if (this.inner) this.inner.dispatchEvent(new MessageEvent("message", { data }));
      else this.early.push(data);
    }

    terminate() {
      this.frame.remove();
    }
  };
}
