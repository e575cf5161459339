/** The server serves the package's module beside the dashboard's own. */
declare module '*/uplot.js' {
  import uPlot from 'uplot'
  export default uPlot
}
