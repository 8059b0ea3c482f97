addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((card) => { card.open = true; });
});
(() => {
  const bar = document.querySelector(".bar");
  if (!bar) return;
  let kind = "", words = "";
  const show = () => {
    document.querySelectorAll("[data-has]").forEach((card) => {
      const has = !kind || card.dataset.has.split(" ").includes(kind);
      card.hidden = !(has && card.textContent.toLowerCase().includes(words));
    });
    document.querySelectorAll("section[data-cards]").forEach((section) => {
      section.hidden = !section.querySelector("[data-has]:not([hidden])");
    });
  };
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    kind = button.value;
    bar.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    show();
  });
  bar.addEventListener("input", (event) => { words = event.target.value.trim().toLowerCase(); show(); });
})();
