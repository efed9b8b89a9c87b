// A form with a file says how far it has come. Without this script the browser sends it as any other form.
(() => {
  const size = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  const say = (form, text, share) => {
    const line = form.querySelector(".upload");
    line.hidden = false;
    line.querySelector("progress").value = share;
    line.querySelector("span").textContent = text;
  };
  const block = (form, blocked) => {
    for (const button of form.querySelectorAll("button")) button.disabled = blocked;
  };
  const show = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    document.title = page.title;
    document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
    const first = document.querySelector('[role="alert"], #preview') || document.querySelector("h1");
    first.tabIndex = -1;
    first.focus();
  };
  const send = (form, button) => {
    const [address] = form.action.split("#");
    const request = new XMLHttpRequest();
    request.upload.onprogress = (at) => {
      if (at.lengthComputable) say(form, `${size(at.loaded)} of ${size(at.total)}`, 100 * at.loaded / at.total);
    };
    request.upload.onload = () => say(form, "The file has arrived and is being stored.", 100);
    request.onload = () => {
      if (request.responseURL === address) show(request.responseText);
      else location.assign(request.responseURL);
    };
    request.onerror = () => {
      block(form, false);
      say(form, "The connection broke. Nothing is lost: press the button again.", 0);
    };
    request.open("POST", address);
    request.setRequestHeader("accept", "text/html");
    request.send(new FormData(form, button));
    block(form, true);
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-upload]")) return;
    const file = form.querySelector('input[type="file"]')?.files[0];
    if (!file) {
      // The button still counts as pressed: it is disabled only after the browser has taken the fields.
      setTimeout(() => block(form, true));
      addEventListener("pageshow", (shown) => shown.persisted && block(form, false));
      return;
    }
    event.preventDefault();
    if (file.size > Number(form.dataset.largest)) {
      say(form, `The file has ${size(file.size)}; at most ${size(Number(form.dataset.largest))} are allowed.`, 0);
      return;
    }
    send(form, event.submitter);
  });
})();
