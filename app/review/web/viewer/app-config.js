/** OHIF's configuration: the studies of this application and nothing else. */
const root = `${location.origin}/dicom-web`;

window.config = {
  name: "nodulus",
  routerBasename: "/viewer",
  extensions: [],
  modes: [],
  customizationService: {
    "ohif.tours": { $set: [] },
    // OHIF 3.12 looks at the first coordinates of each measurement group; that of the lungs has none.
    onBeforeSRAddMeasurement: { $set: ({ measurement }) => (measurement.coords.length ? measurement : { ...measurement, coords: [{}] }) },
  },
  // The work list shows no names of patients; OHIF's would.
  showStudyList: false,
  showLoadingIndicator: true,
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  strictZSpacingForVolumeViewport: true,
  maxNumberOfWebWorkers: 3,
  defaultDataSourceName: "nodulus",
  dataSources: [
    {
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
      sourceName: "nodulus",
      configuration: {
        friendlyName: "Nodulus",
        name: "nodulus",
        qidoRoot: root,
        wadoRoot: root,
        wadoUriRoot: root,
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        supportsReject: false,
        supportsStow: false,
        dicomUploadEnabled: false,
        imageRendering: "wadors",
        thumbnailRendering: "thumbnail",
        enableStudyLazyLoad: true,
        omitQuotationForMultipartRequest: false,
        // A proxy may have another name and scheme than the service knows.
        bulkDataURI: { enabled: true, transform: (uri) => root.replace("/dicom-web", new URL(uri).pathname) },
      },
    },
  ],
};
