// Times in the reader's own zone. Without this script they are in UTC.
(() => {
  const short = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"});
  const minute = new Intl.DateTimeFormat(undefined, {timeStyle: "short"});
  const show = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const text = (time.className === "minute" ? minute : short).format(new Date(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  show(document);
  document.addEventListener("htmx:after:swap", () => show(document));
})();

// One box selects every row of its page.
for (const all of document.querySelectorAll("input[data-picks]")) {
  const picks = () => all.form.querySelectorAll(`input[name="${all.dataset.picks}"]`);
  all.hidden = false;
  all.addEventListener("change", () => picks().forEach((one) => { one.checked = all.checked; }));
}
