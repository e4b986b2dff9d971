/** A closed lesson: the same two charts, drawn once over the whole lesson. */

import { lessonCharts } from "./charts.js";

const data = JSON.parse(document.getElementById("report-data").textContent);

lessonCharts().show(data.charts);
