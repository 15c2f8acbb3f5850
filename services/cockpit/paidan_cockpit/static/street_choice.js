// The streets that can be chosen are those of the chosen district.
document.querySelectorAll("select[data-within]").forEach((streets) => {
  const districts = streets.form.elements[streets.dataset.within];
  const narrow = () => {
    for (const group of streets.querySelectorAll("optgroup")) {
      const isOther = districts.value !== "" && group.dataset.code !== districts.value;
      group.hidden = isOther;
      group.disabled = isOther;
      if (isOther && group.contains(streets.selectedOptions[0])) streets.value = "";
    }
  };
  districts.addEventListener("change", narrow);
  addEventListener("pageshow", narrow); // a browser that goes back keeps what was chosen
});
